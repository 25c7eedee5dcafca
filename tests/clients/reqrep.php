<?php
// Request and reply as in reqrep.py, by the zmq extension: `reqrep.php server ENDPOINT` or `reqrep.php client ENDPOINT`.
// Started by tests/clients/run.

function finish(string $text): void
{
    echo $text, "\n";
    preg_match_all('#\S*/libzmq\.so\S*#', file_get_contents('/proc/self/maps'), $found);
    foreach (array_unique($found[0]) as $path) {
        echo "library $path\n";
    }
}

function check(bool $condition, string $text): void
{
    if (!$condition) {
        fwrite(STDERR, "wrong: $text\n");
        exit(1);
    }
}

function serve(ZMQContext $context, string $endpoint): void
{
    $socket = new ZMQSocket($context, ZMQ::SOCKET_REP);
    $socket->bind($endpoint);
    echo 'endpoint ', trim($socket->getSockOpt(ZMQ::SOCKOPT_LAST_ENDPOINT), "\0"), "\n";
    $count = 0;
    do {
        $parts = $socket->recvMulti();
        $socket->sendMulti(array_merge(['php'], $parts));
        $count++;
    } while ($parts !== ['stop']);
    finish('served ' . ($count - 1));
}

function ask(ZMQContext $context, string $endpoint): void
{
    $socket = new ZMQSocket($context, ZMQ::SOCKET_REQ);
    $socket->connect($endpoint);
    $poll = new ZMQPoll();
    $poll->add($socket, ZMQ::POLL_IN);
    $total = 0;
    for ($number = 0; $number < 500; $number++) {
        $parts = [];
        for ($part = 0; $part <= $number % 4; $part++) {
            $parts[] = str_repeat(chr(($number + $part) % 256), ($number * 7919 + $part * 31) % 20000);
        }
        $socket->sendMulti($parts);
        $readable = $writable = [];
        check($poll->poll($readable, $writable, 10000) === 1, "an answer to request $number in ten seconds");
        $answer = $socket->recvMulti();
        check(array_slice($answer, 1) === $parts, "the answer to request $number");
        $total += array_sum(array_map('strlen', $parts));
    }
    $socket->send('stop');
    $socket->recvMulti();
    finish("500 requests, $total bytes");
}

[, $role, $endpoint] = $argv;
$context = new ZMQContext(1, false);
$role === 'server' ? serve($context, $endpoint) : ask($context, $endpoint);

<?php
// PHP's zmq extension as Debian has it: request/reply, publish/subscribe, poll, and sockets that outlive their object.
// Started without arguments it starts its own server, asks it, and ends it.

const REQUESTS = 'tcp://127.0.0.1:5741';
const NEWS = 'tcp://127.0.0.1:5742';

function expect(bool $condition, string $text): void
{
    if (!$condition) {
        fwrite(STDERR, "not so: $text\n");
        exit(1);
    }
}

/** Answers requests and publishes news meanwhile, until it is asked to stop. */
function server(): void
{
    $context = new ZMQContext(1);
    $service = $context->getSocket(ZMQ::SOCKET_REP);
    $service->bind(REQUESTS);
    $news = $context->getSocket(ZMQ::SOCKET_PUB);
    $news->bind(NEWS);
    $poll = new ZMQPoll();
    $poll->add($service, ZMQ::POLL_IN);
    for ($number = 0, $request = ''; $request !== 'stop'; $number++) {
        $readable = $writable = [];
        if ($poll->poll($readable, $writable, 50) > 0) {
            $request = $service->recv();
            $service->send("PHP says: $request");
        }
        $news->sendMulti(['sport', "result $number"]);
        $news->sendMulti(['weather', "rain $number"]);
    }
}

/** The socket of that name: connected when it is asked for the first time, and the same one ever after. */
function ask(string $request): string
{
    static $connected = 0;
    $context = new ZMQContext(1, true);
    $socket = new ZMQSocket($context, ZMQ::SOCKET_REQ, 'to the server', function ($socket, $name) use (&$connected) {
        expect($name === 'to the server', 'the name of the socket');
        $socket->connect(REQUESTS);
        $connected++;
    });
    expect($socket->isPersistent(), 'a persistent socket');
    $socket->send($request);
    $answer = $socket->recv();
    expect($connected === 1, 'connected once');
    return $answer;
}

function client(): void
{
    for ($number = 0; $number < 20; $number++) {
        expect(ask("hello $number") === "PHP says: hello $number", "the answer to request $number");
    }
    echo "20 requests, each by a new object of one persistent socket\n";

    // One poll set each: Debian's php-zmq 1.1.3 takes all sockets of a set for the same one on PHP 8.
    $context = new ZMQContext(1);
    foreach (['weather' => 'rain', 'sport' => 'result'] as $topic => $word) {
        $news = new ZMQSocket($context, ZMQ::SOCKET_SUB);
        $news->setSockOpt(ZMQ::SOCKOPT_SUBSCRIBE, $topic);
        $news->connect(NEWS);
        $poll = new ZMQPoll();
        $poll->add($news, ZMQ::POLL_IN);
        for ($count = 0; $count < 5; $count++) {
            $readable = $writable = [];
            expect($poll->poll($readable, $writable, 10000) === 1 && $readable[0] === $news, 'news within ten seconds');
            [$about, $text] = $news->recvMulti();
            expect($about === $topic && preg_match("/^$word \\d+$/", $text) === 1, "only $topic");
        }
        echo "heard five times of $topic\n";
    }

    $impatient = new ZMQSocket($context, ZMQ::SOCKET_PULL);
    $impatient->bind('inproc://nobody');
    expect($impatient->recv(ZMQ::MODE_DONTWAIT) === false, 'nothing there, and no waiting for it');
    try {
        $impatient->send('a PULL cannot send');
        expect(false, 'an exception');
    } catch (ZMQSocketException $e) {
        echo "a wrong call: {$e->getMessage()}\n";
    }
    expect(ask('stop') === 'PHP says: stop', 'the last answer');
}

if (($argv[1] ?? '') === 'server') {
    server();
    exit(0);
}
$server = proc_open([PHP_BINARY, __FILE__, 'server'], [], $pipes);
register_shutdown_function(fn () => is_resource($server) && proc_terminate($server, 9));
client();
expect(proc_close($server) === 0, 'the server ended well');
echo "the server has stopped\n";

# Request and reply as in reqrep.py, by ZMQ::FFI: `reqrep.pl server ENDPOINT` or `reqrep.pl client ENDPOINT`.
# Started by tests/clients/run.
use strict;
use warnings;

use ZMQ::FFI qw(ZMQ_REQ ZMQ_REP ZMQ_LAST_ENDPOINT);

sub finish {
    my ($text) = @_;
    open my $maps, '<', '/proc/self/maps' or die $!;
    my %found = map { m{(\S*/libzmq\.so\S*)} ? ($1 => 1) : () } <$maps>;
    print "$text\n", map { "library $_\n" } sort keys %found;
}

sub serve {
    my ($context, $endpoint) = @_;
    my $socket = $context->socket(ZMQ_REP);
    $socket->bind($endpoint);
    print 'endpoint ', $socket->get(ZMQ_LAST_ENDPOINT, 'string'), "\n";
    my ($count, @parts) = (0);
    while (1) {
        @parts = $socket->recv_multipart();
        $socket->send_multipart(['perl', @parts]);
        last if "@parts" eq 'stop';
        $count++;
    }
    finish("served $count");
    $socket->close();
}

sub ask {
    my ($context, $endpoint) = @_;
    my $socket = $context->socket(ZMQ_REQ);
    $socket->connect($endpoint);
    my $total = 0;
    for my $number (0 .. 499) {
        my @parts = map { chr(($number + $_) % 256) x (($number * 7919 + $_ * 31) % 20000) } 0 .. $number % 4;
        $socket->send_multipart(\@parts);
        my ($who, @answer) = $socket->recv_multipart();
        @answer == @parts && !grep { $answer[$_] ne $parts[$_] } 0 .. $#parts or die "wrong: the answer to request $number\n";
        $total += length for @parts;
    }
    $socket->send('stop');
    $socket->recv_multipart();
    finish("500 requests, $total bytes");
    $socket->close();
}

$| = 1;
my ($role, $endpoint) = @ARGV;
my $context = ZMQ::FFI->new();
$role eq 'server' ? serve($context, $endpoint) : ask($context, $endpoint);

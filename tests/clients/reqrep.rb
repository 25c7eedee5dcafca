# Request and reply as in reqrep.py, by ffi-rzmq: `reqrep.rb server ENDPOINT` or `reqrep.rb client ENDPOINT`.
# Started by tests/clients/run.
require_relative 'common'

def serve(context, endpoint)
  socket = context.socket(ZMQ::REP)
  must socket.bind(endpoint)
  last = []
  must socket.getsockopt(ZMQ::LAST_ENDPOINT, last)
  puts "endpoint #{last[0].delete("\0")}"
  $stdout.flush
  count = 0
  loop do
    must socket.recv_strings(parts = [])
    must socket.send_strings(['ruby', *parts])
    break if parts == ['stop']

    count += 1
  end
  finish "served #{count}"
  socket.close
end

def ask(context, endpoint)
  socket = context.socket(ZMQ::REQ)
  must socket.connect(endpoint)
  total = 0
  500.times do |number|
    parts = (0..number % 4).map { |part| ((number + part) % 256).chr * ((number * 7919 + part * 31) % 20_000) }
    must socket.send_strings(parts)
    must socket.recv_strings(answer = [])
    check answer.drop(1).map(&:b) == parts.map(&:b), "the answer to request #{number}"
    total += parts.sum(&:bytesize)
  end
  must socket.send_string('stop')
  must socket.recv_strings([])
  finish "500 requests, #{total} bytes"
  socket.close
end

role, endpoint = ARGV
context = ZMQ::Context.new(1)
role == 'server' ? serve(context, endpoint) : ask(context, endpoint)
context.terminate

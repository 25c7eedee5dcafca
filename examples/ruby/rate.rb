# How many messages of 16 bytes a second Ruby sends and receives, from one process to another over tcp.
# (Published for ffi-rzmq were 200,000 a second, for C 6,000,000: patterns/message_rate.c.)
require_relative 'story'

ENDPOINT = 'tcp://127.0.0.1:5729'.freeze
COUNT = 200_000

sender = role do |context|
  socket = context.socket(ZMQ::PUSH)
  must socket.connect(ENDPOINT)
  (0..COUNT).each { |number| must socket.send_string(format('%016d', number)) }
  socket.close
  context.terminate
end

receiver = role do |context|
  socket = bound(context, ZMQ::PULL, ENDPOINT)
  expect receive(socket) == '0' * 16, 'the first one'
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  text = +''
  (1..COUNT).each do |number|
    must socket.recv_string(text)
    expect text.to_i(10) == number && text.bytesize == 16, "message #{number}" if (number % 1000).zero? || number == COUNT
  end
  rate = COUNT / (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started)
  puts "#{COUNT} messages of 16 bytes, #{rate.round(-3)} a second"
  socket.close
  context.terminate
end

finish(sender)
finish(receiver)

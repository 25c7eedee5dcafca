# Answers greetings on tcp://*:5559, with the ffi-rzmq binding. `scripts/demo.sh` runs it on this library.
require 'ffi-rzmq'

context = ZMQ::Context.new
socket = context.socket(ZMQ::REP)
abort "bind: #{ZMQ::Util.error_string}" if socket.bind('tcp://*:5559') == -1

loop do
  request = +''
  abort "receive: #{ZMQ::Util.error_string}" if socket.recv_string(request) == -1
  puts "  Ruby server:   got '#{request}'"
  $stdout.flush
  socket.send_string("Good day from Ruby, you said: #{request}")
end

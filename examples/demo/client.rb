# Sends greetings to whoever answers on port 5559, with the ffi-rzmq binding. `scripts/demo.sh` runs it on this library.
require 'ffi-rzmq'

context = ZMQ::Context.new
socket = context.socket(ZMQ::REQ)
socket.setsockopt(ZMQ::RCVTIMEO, 5000)
socket.setsockopt(ZMQ::LINGER, 0)
socket.connect('tcp://127.0.0.1:5559')

1.upto(3) do |number|
  socket.send_string("Hello #{number} from Ruby")
  answer = +''
  abort "no answer: #{ZMQ::Util.error_string}" if socket.recv_string(answer) == -1
  puts "  Ruby client:   '#{answer}'"
  $stdout.flush
  sleep 0.3
end
socket.close
context.terminate

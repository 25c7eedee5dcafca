# Messages of 16 bytes from one process to another in Ruby, as in rate.py: `rate.rb push COUNT` or `rate.rb ask COUNT`.
# Started by benches/clients/run.
require 'ffi-rzmq'

def must(result)
  abort "error: #{ZMQ::Util.error_string}" if result == -1
end

kind = ARGV[0]
count = Integer(ARGV[1])
body = 'x' * 16
server_type, client_type = kind == 'push' ? [ZMQ::PULL, ZMQ::PUSH] : [ZMQ::REP, ZMQ::REQ]
reader, writer = IO.pipe
child = fork do
  context = ZMQ::Context.new
  socket = context.socket(client_type)
  must socket.connect(reader.gets.chomp)
  text = +''
  (count + 1).times do
    must socket.send_string(body)
    must socket.recv_string(text) if kind == 'ask'
  end
  socket.close
  context.terminate
end
context = ZMQ::Context.new
socket = context.socket(server_type)
must socket.bind('tcp://127.0.0.1:*')
must socket.getsockopt(ZMQ::LAST_ENDPOINT, last = [])
writer.puts last[0].delete("\0")
text = +''
must socket.recv_string(text)
started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
count.times do
  must socket.send_string(body) if kind == 'ask'
  must socket.recv_string(text)
end
rate = count / (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started)
must socket.send_string(body) if kind == 'ask'
socket.close
context.terminate
Process.wait(child)
abort 'the other side failed' unless $?.success?
spent = Process.times
puts "#{rate} #{(spent.utime + spent.stime + spent.cutime + spent.cstime) / count * 1e6}"

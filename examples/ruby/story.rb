# What the Ruby examples share: processes, and words when something is wrong. They use Debian's ruby-ffi-rzmq as it is.
require 'ffi-rzmq'
require 'tmpdir'

$stdout.sync = true

# A result of -1 is an error, whatever the call.
def must(result)
  raise "error: #{ZMQ::Util.error_string}" if result == -1

  result
end

def expect(condition, text)
  raise "not so: #{text}" unless condition
end

# Runs the block in a process of its own, with a context of its own. To be called before this process has a context.
def role
  ROLES << fork do
    ROLES.clear
    context = ZMQ::Context.new
    yield context
  rescue StandardError => e
    warn e.full_message
    exit! 1
  ensure
    exit! 0
  end
  ROLES.last
end

# None is left behind when the story ends badly.
ROLES = []
at_exit { ROLES.each { |pid| Process.kill(:KILL, pid) } }

def stop(pid)
  ROLES.delete(pid)
  Process.kill(:KILL, pid)
  Process.wait(pid)
end

# Waits for the end of a role that ends by itself.
def finish(pid)
  Process.wait(pid)
  ROLES.delete(pid)
  expect $?.success?, "process #{pid} ended well"
end

def bound(context, type, endpoint)
  socket = context.socket(type)
  socket.setsockopt(ZMQ::LINGER, 0)
  must socket.bind(endpoint)
  socket
end

def connected(context, type, *endpoints)
  socket = context.socket(type)
  socket.setsockopt(ZMQ::LINGER, 0)
  endpoints.each { |endpoint| must socket.connect(endpoint) }
  socket
end

def receive(socket)
  must socket.recv_string(text = +'')
  text
end

# The next message if one comes within so many milliseconds, else nil.
def receive_within(socket, milliseconds)
  poller = ZMQ::Poller.new
  poller.register_readable(socket)
  must poller.poll(milliseconds)
  receive(socket) unless poller.readables.empty?
end

# A chat: the server binds PULL and PUB, decodes the JSON that comes in and sends it to everybody. A client PUSHes its
# lines and drains its SUB without blocking, as a program with a window and a loop of its own would.
require_relative 'story'
require 'json'

LINES_IN = 'tcp://127.0.0.1:5725'.freeze
LINES_OUT = 'tcp://127.0.0.1:5726'.freeze
PEOPLE = %w[Ada Brian Grace].freeze

server = role do |context|
  lines = bound(context, ZMQ::PULL, LINES_IN)
  everybody = bound(context, ZMQ::PUB, LINES_OUT)
  loop do
    line = JSON.parse(receive(lines))
    must everybody.send_string(JSON.generate(line.merge('at' => Time.now.to_i)))
  end
end

def say(socket, name, text)
  must socket.send_string(JSON.generate('name' => name, 'text' => text))
end

# All that is there now, without waiting.
def drain(socket)
  lines = []
  text = +''
  lines << JSON.parse(text) while socket.recv_string(text, ZMQ::DONTWAIT) != -1
  expect ZMQ::Util.errno == ZMQ::EAGAIN, 'there is just nothing left'
  lines
end

content_in, content_out = IO.pipe

clients = PEOPLE.map do |name|
  role do |context|
    out = connected(context, ZMQ::PUSH, LINES_IN)
    input = connected(context, ZMQ::SUB, LINES_OUT)
    must input.setsockopt(ZMQ::SUBSCRIBE, '')
    heard = {}
    # Nobody hears what was said before he came: so everybody repeats himself until he is stopped.
    loop do
      say(out, name, "my name is #{name}")
      sleep 0.05
      before = heard.size
      drain(input).each { |line| heard[line['name']] = line }
      next unless heard.size > before && heard.keys.sort == PEOPLE

      heard.each { |other, line| expect line['text'] == "my name is #{other}" && line['at'].positive?, 'as it was said' }
      content_out.puts name
    end
  end
end

PEOPLE.size.times do
  expect IO.select([content_in], nil, nil, 20), 'everybody hears everybody'
  puts "#{content_in.gets.chomp} has heard #{PEOPLE.join(', ')}"
end
[*clients, server].each { |pid| stop(pid) }

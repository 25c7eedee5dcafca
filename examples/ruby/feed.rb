# PUB says something every second; SUB has subscribed to everything and prints it.
require_relative 'story'

ENDPOINT = 'tcp://127.0.0.1:5724'.freeze

publisher = role do |context|
  socket = bound(context, ZMQ::PUB, ENDPOINT)
  (1..).each do |second|
    must socket.send_string("second #{second}")
    sleep 1
  end
end

subscriber = role do |context|
  socket = connected(context, ZMQ::SUB, ENDPOINT)
  must socket.setsockopt(ZMQ::SUBSCRIBE, '')
  heard = Array.new(3) { receive(socket).tap { |text| puts "heard '#{text}'" } }
  numbers = heard.map { |text| text[/\Asecond (\d+)\z/, 1].to_i }
  expect numbers == (numbers.first..numbers.first + 2).to_a, "one after the other: #{numbers}"
  socket.close
  context.terminate
end

finish(subscriber)
stop(publisher)

# A REQ may connect to an inproc endpoint before or after it is bound.
require_relative 'story'

context = ZMQ::Context.new

[true, false].each do |bind_first|
  endpoint = "inproc://#{bind_first ? 'bound' : 'connected'}-first"
  service = bound(context, ZMQ::REP, endpoint) if bind_first
  client = connected(context, ZMQ::REQ, endpoint)
  must client.send_string('is anybody there?')
  unless bind_first
    expect receive_within(client, 100).nil?, 'nobody is there yet'
    service = bound(context, ZMQ::REP, endpoint)
  end
  expect receive(service) == 'is anybody there?', 'the question'
  must service.send_string('I am')
  expect receive(client) == 'I am', 'the answer'
  puts "#{bind_first ? 'bind' : 'connect'} first: answered"
  [client, service].each(&:close)
end
context.terminate

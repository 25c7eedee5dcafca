# One REQ connected to three servers: requests go to each in turn. What happens when one of them is down is up to
# ZMQ_IMMEDIATE: without it a request that is that server's waits until it is back; with it only live connections count.
require_relative 'story'

ENDPOINTS = %w[tcp://127.0.0.1:5721 tcp://127.0.0.1:5722 tcp://127.0.0.1:5723].freeze

def server(number)
  role do |context|
    socket = bound(context, ZMQ::REP, ENDPOINTS[number])
    loop { must socket.send_string("#{receive(socket)} answered by #{number}") }
  end
end

# Everything that needs a fork is prepared before there is a context: the clients, too, are processes.
def client(patient)
  down_in, down_out = IO.pipe
  gone_in, gone_out = IO.pipe
  pid = role do |context|
    socket = context.socket(ZMQ::REQ)
    socket.setsockopt(ZMQ::LINGER, 0)
    socket.setsockopt(ZMQ::IMMEDIATE, 1) unless patient
    ENDPOINTS.each { |endpoint| must socket.connect(endpoint) }
    answered_by = lambda do |count|
      Array.new(count) { must(socket.send_string('who?')) && receive(socket)[/\d+$/] }.tally
    end
    100.times { answered_by[3].size == 3 ? break : sleep(0.05) } # until all three connections are there
    counts = answered_by[9]
    expect counts == { '0' => 3, '1' => 3, '2' => 3 }, "three answers by each of three servers: #{counts}"
    puts "9 requests, 3 answered by each of three servers"

    down_out.puts # take server 1 down
    gone_in.gets
    sleep 0.3
    counts = Hash.new(0)
    waited = nil
    6.times do |i|
      must socket.send_string("request #{i}")
      answer = receive_within(socket, 1500)
      if answer.nil? && waited.nil?
        waited = i
        down_out.puts # bring it back
        answer = receive(socket)
      end
      counts[answer[/\d+$/]] += 1
    end
    if patient
      expect waited && counts['1'].positive?, 'a request waited for the server that was down'
      puts 'one is down: the request whose turn it was waited for it to come back'
    else
      expect waited.nil? && counts.keys.sort == %w[0 2], "the server that is down was skipped: #{counts}"
      puts "one is down, ZMQ_IMMEDIATE: the other two answered #{counts.values.sum} requests"
    end
    socket.close
    context.terminate
  end
  [down_out, gone_in].each(&:close)
  [pid, down_in, gone_out]
end

[true, false].each do |patient|
  servers = (0..2).map { |number| server(number) }
  pid, down, gone = client(patient)
  expect down.gets, 'the client is alive'
  stop(servers[1])
  gone.puts
  if patient
    expect down.gets, 'the client is alive'
    servers[1] = server(1)
  end
  finish(pid)
  servers.each_with_index { |one, number| stop(one) if patient || number != 1 }
end

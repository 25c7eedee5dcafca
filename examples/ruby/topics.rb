# A SUB that has subscribed to the beginning of a topic and is connected to several publishers, tcp and ipc mixed.
require_relative 'story'

folder = Dir.mktmpdir
ENDPOINTS = ['tcp://127.0.0.1:5727', "ipc://#{folder}/first", 'tcp://127.0.0.1:5728', "ipc://#{folder}/second"].freeze

publishers = ENDPOINTS.each_with_index.map do |endpoint, number|
  role do |context|
    socket = bound(context, ZMQ::PUB, endpoint)
    loop do
      %w[weather.rain weather.sun sport.chess weath].each { |topic| must socket.send_string("#{topic} #{number}") }
      sleep 0.02
    end
  end
end

subscriber = role do |context|
  socket = connected(context, ZMQ::SUB, *ENDPOINTS)
  must socket.setsockopt(ZMQ::SUBSCRIBE, 'weather.')
  heard = []
  until heard.uniq.size == 2 * ENDPOINTS.size
    text = receive(socket)
    expect text.start_with?('weather.'), "only what was subscribed to: #{text}"
    heard << text
  end
  (0...ENDPOINTS.size).each do |number|
    mine = heard.select { |text| text.end_with?(" #{number}") }
    expect mine.each_cons(2).all? { |a, b| a != b }, 'rain and sun by turns, so nothing is missing'
  end
  puts "heard both topics of all #{ENDPOINTS.size} publishers"
  socket.close
  context.terminate
end

finish(subscriber)
publishers.each { |pid| stop(pid) }
FileUtils.remove_entry(folder)

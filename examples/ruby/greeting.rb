# REQ greets a REP that is bound to tcp://*:5559 and prints the answer: the programs of ../demo, each in its process.
demo = File.expand_path('../demo', __dir__)
server = spawn('/usr/bin/ruby', "#{demo}/server.rb")
client = IO.popen(['/usr/bin/ruby', "#{demo}/client.rb"], &:read)
answered = $?.success?
alive = Process.wait(server, Process::WNOHANG).nil?
Process.kill(:TERM, server)
puts client
abort 'the server has died' unless alive
abort 'the client has failed' unless answered
(1..3).each do |number|
  wanted = "Good day from Ruby, you said: Hello #{number} from Ruby"
  abort "not among the answers: #{wanted}" unless client.include?(wanted)
end

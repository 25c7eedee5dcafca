# Workers in threads, fed over inproc by PUSH, each ended by a message that says so.
require_relative 'story'

WORKERS = 4
TASKS = 400

context = ZMQ::Context.new
tasks = bound(context, ZMQ::PUSH, 'inproc://tasks')
results = bound(context, ZMQ::PULL, 'inproc://results')

threads = (1..WORKERS).map do
  Thread.new do
    inbox = connected(context, ZMQ::PULL, 'inproc://tasks')
    outbox = connected(context, ZMQ::PUSH, 'inproc://results')
    must outbox.send_string('ready')
    while (task = receive(inbox)) != 'quit'
      must outbox.send_string((task.to_i**2).to_s)
    end
    must outbox.send_string('done')
    inbox.close
    outbox.setsockopt(ZMQ::LINGER, -1)
    outbox.close
  end
end

# PUSH deals out to those who are there: wait until all of them are.
WORKERS.times { expect receive(results) == 'ready', 'a worker is ready' }
TASKS.times { |number| must tasks.send_string(number.to_s) }
WORKERS.times { must tasks.send_string('quit') }

found = []
done = 0
while done < WORKERS
  text = receive(results)
  text == 'done' ? done += 1 : found << text.to_i
end
threads.each(&:join)
expect found.sort == (0...TASKS).map { |number| number**2 }, 'each task was done once'
puts "#{TASKS} tasks by #{WORKERS} threads, and all of them have quit"
[tasks, results].each(&:close)
context.terminate

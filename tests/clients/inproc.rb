# Threads of one Ruby process over inproc: workers fed by PUSH and ended by a quit message, and a REQ that connects
# before its REP is bound. Started by tests/clients/run.
require_relative 'common'

WORKERS = 4
JOBS = 2000

def worker(context, all_told)
  jobs = context.socket(ZMQ::PULL)
  results = context.socket(ZMQ::PUSH)
  must jobs.connect('inproc://jobs')
  must results.connect('inproc://results')
  must results.send_string('here')
  loop do
    must jobs.recv_string(job = +'')
    break if job == 'quit'

    must results.send_string((job.to_i * 2).to_s)
  end
  # Whose turn it is does not survive that another one leaves: a second quit may go to one who has had his.
  all_told.pop
  jobs.close
  results.close
end

def pool(context)
  jobs = context.socket(ZMQ::PUSH)
  results = context.socket(ZMQ::PULL)
  must jobs.bind('inproc://jobs')
  must results.bind('inproc://results')
  all_told = Queue.new
  threads = Array.new(WORKERS) { Thread.new { worker(context, all_told) } }
  # Who comes later than the work may come later than the last quit.
  WORKERS.times do
    must results.recv_string(word = +'')
    check word == 'here', "a worker's first word, #{word.inspect}"
  end
  sum = 0
  JOBS.times do |number|
    must jobs.send_string(number.to_s)
    next if number < 100

    must results.recv_string(result = +'')
    sum += result.to_i
  end
  100.times do
    must results.recv_string(result = +'')
    sum += result.to_i
  end
  # Round robin gives every worker its own.
  WORKERS.times { must jobs.send_string('quit') }
  all_told.close
  threads.each(&:join)
  check sum == JOBS * (JOBS - 1), "the sum of all results, #{sum}"
  jobs.close
  results.close
end

def connect_first(context)
  req = context.socket(ZMQ::REQ)
  must req.connect('inproc://later')
  must req.send_string('early')
  rep = context.socket(ZMQ::REP)
  must rep.bind('inproc://later')
  must rep.recv_string(request = +'')
  check request == 'early', "the request #{request.inspect}"
  must rep.send_string('in time')
  must req.recv_string(answer = +'')
  check answer == 'in time', "the answer #{answer.inspect}"
  rep.close
  req.close
end

context = ZMQ::Context.new
pool(context)
connect_first(context)
finish "#{JOBS} jobs by #{WORKERS} threads"
context.terminate

# Threads of one Ruby process over inproc: workers fed by PUSH and ended by a quit message, and a REQ that connects
# before its REP is bound. Started by tests/clients/run.
require_relative 'common'

WORKERS = 4
JOBS = 2000

def worker(context)
  jobs = context.socket(ZMQ::PULL)
  results = context.socket(ZMQ::PUSH)
  must jobs.connect('inproc://jobs')
  must results.connect('inproc://results')
  loop do
    must jobs.recv_string(job = +'')
    break if job == 'quit'

    must results.send_string((job.to_i * 2).to_s)
  end
  jobs.close
  results.close
end

def pool(context)
  jobs = context.socket(ZMQ::PUSH)
  results = context.socket(ZMQ::PULL)
  must jobs.bind('inproc://jobs')
  must results.bind('inproc://results')
  threads = Array.new(WORKERS) { Thread.new { worker(context) } }
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

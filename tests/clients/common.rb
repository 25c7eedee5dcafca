# What the Ruby scripts of this folder share. They run on Debian's ruby-ffi-rzmq, started by tests/clients/run.
require 'ffi-rzmq'

def loaded_library
  File.readlines('/proc/self/maps').grep(%r{/libzmq\.so}).map { |line| line.split[5] }.uniq
end

def finish(text)
  puts text
  loaded_library.each { |path| puts "library #{path}" }
  $stdout.flush
end

def check(condition, text)
  abort "wrong: #{text}" unless condition
end

# A result of -1 is an error, whatever the call.
def must(result)
  abort "error: #{ZMQ::Util.error_string}" if result == -1
  result
end

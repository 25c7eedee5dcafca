# Request and reply as in reqrep.py, by pbdZMQ: `reqrep.R server ENDPOINT` or `reqrep.R client ENDPOINT`.
# Started by tests/clients/run.
suppressPackageStartupMessages(library(pbdZMQ))

finish <- function(text) {
  maps <- grep("/libzmq\\.so", readLines("/proc/self/maps"), value = TRUE)
  writeLines(c(text, paste("library", unique(sub("^[^/]*", "", maps)))))
}

# zmq.send.multipart of this binding takes two parts or more.
send <- function(socket, parts) {
  for (part in seq_along(parts)) {
    flags <- if (part < length(parts)) ZMQ.SR()$SNDMORE else ZMQ.SR()$BLOCK
    zmq.msg.send(parts[[part]], socket, flags = flags, serialize = FALSE)
  }
}

# This binding gives numbers of options, no strings: the endpoint is as it was given, without a wildcard.
serve <- function(context, endpoint) {
  socket <- zmq.socket(context, ZMQ.ST()$REP)
  zmq.bind(socket, endpoint)
  writeLines(paste("endpoint", endpoint))
  count <- 0
  repeat {
    parts <- zmq.recv.multipart(socket, unserialize = FALSE)
    send(socket, c(list(charToRaw("R")), parts))
    if (length(parts) == 1 && identical(parts[[1]], charToRaw("stop"))) break
    count <- count + 1
  }
  finish(paste("served", count))
  zmq.close(socket)
}

ask <- function(context, endpoint) {
  socket <- zmq.socket(context, ZMQ.ST()$REQ)
  zmq.connect(socket, endpoint)
  total <- 0
  for (number in 0:499) {
    parts <- lapply(0:(number %% 4), function(part) rep(as.raw((number + part) %% 256), (number * 7919 + part * 31) %% 20000))
    send(socket, parts)
    answer <- zmq.recv.multipart(socket, unserialize = FALSE)
    if (!identical(answer[-1], parts)) stop("wrong: the answer to request ", number)
    total <- total + sum(lengths(parts))
  }
  send(socket, list(charToRaw("stop")))
  zmq.recv.multipart(socket, unserialize = FALSE)
  finish(sprintf("500 requests, %d bytes", total))
  zmq.close(socket)
}

arguments <- commandArgs(trailingOnly = TRUE)
context <- zmq.ctx.new()
if (arguments[1] == "server") serve(context, arguments[2]) else ask(context, arguments[2])
zmq.ctx.destroy(context)

% Request and reply as in reqrep.py, by octave-zeromq: `reqrep.m server ENDPOINT` or `reqrep.m client ENDPOINT`.
% Started by tests/clients/run.
1;
pkg load zeromq

function finish (text)
  found = regexp (fileread ("/proc/self/maps"), '/\S*/libzmq\.so\S*', "match");
  printf ("%s\n", text, strcat ({"library "}, unique (found)){:});
endfunction

function send (socket, parts)
  for part = 1:numel (parts)
    flags = 0;
    if (part < numel (parts))
      flags = ZMQ_SNDMORE;
    endif
    if (zmq_send (socket, parts{part}, flags) != numel (parts{part}))
      error ("a part was not sent");
    endif
  endfor
endfunction

function parts = receive (socket)
  parts = {};
  do
    parts{end+1} = uint8 (zmq_recv (socket, 70000))(:)';
  until (! zmq_getsockopt (socket, ZMQ_RCVMORE))
endfunction

function serve (endpoint)
  socket = zmq_socket (ZMQ_REP);
  zmq_bind (socket, endpoint);
  printf ("endpoint %s\n", zmq_getsockopt (socket, ZMQ_LAST_ENDPOINT));
  fflush (stdout);
  count = 0;
  do
    parts = receive (socket);
    send (socket, [{uint8("octave")}, parts]);
    count++;
  until (isequal (parts, {uint8("stop")}))
  finish (sprintf ("served %d", count - 1));
  zmq_close (socket);
endfunction

function ask (endpoint)
  socket = zmq_socket (ZMQ_REQ);
  zmq_connect (socket, endpoint);
  total = 0;
  for number = 0:499
    parts = {};
    for part = 0:mod (number, 4)
      size = mod (number * 7919 + part * 31, 20000) + 1;
      parts{end+1} = repmat (uint8 (mod (number + part, 256)), 1, size);
      total += size;
    endfor
    send (socket, parts);
    answer = receive (socket);
    if (! isequal (answer(2:end), parts))
      error ("wrong: the answer to request %d", number);
    endif
  endfor
  send (socket, {uint8("stop")});
  receive (socket);
  finish (sprintf ("500 requests, %d bytes", total));
  zmq_close (socket);
endfunction

arguments = argv ();
if (strcmp (arguments{1}, "server"))
  serve (arguments{2});
else
  ask (arguments{2});
endif

// Request and reply as in reqrep.py, by jzmq: `java -cp zmq.jar Reqrep.java server ENDPOINT`, or `client ENDPOINT`.
// Started by tests/clients/run.
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.zeromq.ZMQ;

class Reqrep {
    static void finish(String text) throws Exception {
        System.out.println(text);
        var found = new TreeSet<String>();
        for (String line : Files.readAllLines(Path.of("/proc/self/maps")))
            if (line.contains("/libzmq.so"))
                found.add(line.substring(line.indexOf('/')));
        for (String path : found)
            System.out.println("library " + path);
    }

    static List<byte[]> receive(ZMQ.Socket socket) {
        var parts = new ArrayList<byte[]>();
        do
            parts.add(socket.recv());
        while (socket.hasReceiveMore());
        return parts;
    }

    static void send(ZMQ.Socket socket, List<byte[]> parts) {
        for (int part = 0; part < parts.size(); part++)
            if (!socket.send(parts.get(part), part + 1 < parts.size() ? ZMQ.SNDMORE : 0))
                throw new IllegalStateException("a part was not sent");
    }

    // This binding knows no LAST_ENDPOINT: the endpoint is as it was given, without a wildcard.
    static void serve(ZMQ.Context context, String endpoint) throws Exception {
        ZMQ.Socket socket = context.socket(ZMQ.REP);
        socket.bind(endpoint);
        System.out.println("endpoint " + endpoint);
        for (int count = 0;; count++) {
            List<byte[]> parts = receive(socket), answer = new ArrayList<>(List.of("java".getBytes()));
            answer.addAll(parts);
            send(socket, answer);
            if (parts.size() == 1 && new String(parts.get(0)).equals("stop")) {
                finish("served " + count);
                break;
            }
        }
        socket.close();
    }

    static void ask(ZMQ.Context context, String endpoint) throws Exception {
        ZMQ.Socket socket = context.socket(ZMQ.REQ);
        socket.connect(endpoint);
        var poller = context.poller(1);
        poller.register(socket, ZMQ.Poller.POLLIN);
        long total = 0;
        for (int number = 0; number < 500; number++) {
            var parts = new ArrayList<byte[]>();
            for (int part = 0; part <= number % 4; part++) {
                byte[] body = new byte[(number * 7919 + part * 31) % 20000];
                Arrays.fill(body, (byte) (number + part));
                parts.add(body);
                total += body.length;
            }
            send(socket, parts);
            if (poller.poll(10000) != 1)
                throw new IllegalStateException("no answer to request " + number + " in ten seconds");
            List<byte[]> answer = receive(socket);
            if (!Arrays.deepEquals(answer.subList(1, answer.size()).toArray(), parts.toArray()))
                throw new IllegalStateException("wrong: the answer to request " + number);
        }
        socket.send("stop");
        receive(socket);
        finish("500 requests, " + total + " bytes");
        socket.close();
    }

    public static void main(String[] arguments) throws Exception {
        ZMQ.Context context = ZMQ.context(1);
        if (arguments[0].equals("server"))
            serve(context, arguments[1]);
        else
            ask(context, arguments[1]);
        context.term();
    }
}

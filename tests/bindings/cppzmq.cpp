// What cppzmq offers over the C functions, each piece tried once. Compiled and started by tests/bindings/native.py; prints
// Test Anything Protocol.
#include <zmq.hpp>
#include <zmq_addon.hpp>

#include <cstring>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static void need (bool condition, const char *what)
{
    if (!condition)
        throw std::runtime_error (what);
}
#define NEED(condition) need (condition, #condition)

static std::pair<zmq::socket_t, zmq::socket_t> joined (zmq::context_t &context, zmq::socket_type a, zmq::socket_type b)
{
    zmq::socket_t server (context, a), client (context, b);
    server.set (zmq::sockopt::linger, 0);
    client.set (zmq::sockopt::linger, 0);
    server.bind ("tcp://127.0.0.1:*");
    client.connect (server.get (zmq::sockopt::last_endpoint));
    return {std::move (server), std::move (client)};
}

static void messages (zmq::context_t &)
{
    zmq::message_t empty, text (std::string ("hello")), copy;
    NEED (empty.empty () && text.size () == 5 && text.to_string () == "hello");
    copy.copy (text);
    NEED (copy == text && copy.to_string_view () == "hello");
    zmq::message_t moved (std::move (copy));
    NEED (moved == text && copy.empty ());
    static int freed;
    {
        zmq::message_t own (new char[100], 100, [] (void *data, void *) { delete[] static_cast<char *> (data); freed++; });
        NEED (own.size () == 100);
    }
    NEED (freed == 1);
}

static void request_reply (zmq::context_t &context)
{
    auto [rep, req] = joined (context, zmq::socket_type::rep, zmq::socket_type::req);
    for (int i = 0; i < 100; i++) {
        NEED (req.send (zmq::buffer (std::to_string (i)), zmq::send_flags::none).value () > 0);
        zmq::message_t request;
        NEED (rep.recv (request).has_value () && request.to_string () == std::to_string (i));
        rep.send (std::move (request), zmq::send_flags::none);
        char reply[10];
        auto size = req.recv (zmq::mutable_buffer (reply, sizeof reply));
        NEED (size && !size->truncated () && std::string (reply, size->size) == std::to_string (i));
    }
}

static void multipart (zmq::context_t &context)
{
    auto [pull, push] = joined (context, zmq::socket_type::pull, zmq::socket_type::push);
    zmq::multipart_t out;
    out.addstr ("first");
    out.addtyp<int> (42);
    out.add (zmq::message_t ());
    NEED (out.send (push));
    zmq::multipart_t in (pull);
    NEED (in.size () == 3 && in.popstr () == "first" && in.poptyp<int> () == 42 && in.pop ().empty ());
    std::vector<zmq::const_buffer> parts{zmq::str_buffer ("a"), zmq::str_buffer ("bc")};
    NEED (zmq::send_multipart (push, parts).value () == 2);
    std::vector<zmq::message_t> got;
    NEED (zmq::recv_multipart (pull, std::back_inserter (got)).value () == 2 && got[1].to_string () == "bc");
}

static void publish (zmq::context_t &context)
{
    auto [pub, sub] = joined (context, zmq::socket_type::xpub, zmq::socket_type::sub);
    sub.set (zmq::sockopt::subscribe, "a");
    zmq::message_t subscription;
    NEED (pub.recv (subscription).has_value () && subscription.to_string () == std::string ("\1a"));
    pub.send (zmq::str_buffer ("b1"), zmq::send_flags::none);
    pub.send (zmq::str_buffer ("a2"), zmq::send_flags::none);
    zmq::message_t got;
    NEED (sub.recv (got).has_value () && got.to_string () == "a2");
}

static void poll (zmq::context_t &context)
{
    auto [pull, push] = joined (context, zmq::socket_type::pull, zmq::socket_type::push);
    std::vector<zmq::pollitem_t> items{{pull, 0, ZMQ_POLLIN, 0}};
    NEED (zmq::poll (items, std::chrono::milliseconds (20)) == 0);
    push.send (zmq::str_buffer ("x"), zmq::send_flags::none);
    NEED (zmq::poll (items, std::chrono::seconds (10)) == 1 && (items[0].revents & ZMQ_POLLIN));
    NEED (pull.get (zmq::sockopt::events) & ZMQ_POLLIN);
}

static void monitor (zmq::context_t &context)
{
    struct Heard : zmq::monitor_t {
        int listening = 0, accepted = 0;
        void on_event_listening (const zmq_event_t &, const char *) override { listening++; }
        void on_event_accepted (const zmq_event_t &, const char *) override { accepted++; }
    } heard;
    zmq::socket_t server (context, zmq::socket_type::rep), client (context, zmq::socket_type::req);
    heard.init (server, "inproc://monitor", ZMQ_EVENT_ALL);
    server.bind ("tcp://127.0.0.1:*");
    client.connect (server.get (zmq::sockopt::last_endpoint));
    for (int i = 0; i < 100 && !heard.accepted; i++)
        heard.check_event (100);
    NEED (heard.listening == 1 && heard.accepted == 1);
}

static void errors (zmq::context_t &context)
{
    zmq::socket_t socket (context, zmq::socket_type::pair);
    int number = 0;
    try {
        socket.connect ("nothing://here");
    } catch (const zmq::error_t &error) {
        number = error.num ();
        NEED (std::strlen (error.what ()) > 0);
    }
    NEED (number == EPROTONOSUPPORT);
    zmq::message_t message;
    NEED (!socket.recv (message, zmq::recv_flags::dontwait).has_value ());
}

static void proxy (zmq::context_t &context)
{
    std::thread thread ([&] {
        zmq::socket_t front (context, zmq::socket_type::router), back (context, zmq::socket_type::dealer);
        zmq::socket_t control (context, zmq::socket_type::pair);
        front.bind ("inproc://front");
        back.bind ("inproc://back");
        control.connect ("inproc://control");
        zmq::proxy_steerable (front, back, nullptr, control);
    });
    zmq::socket_t control (context, zmq::socket_type::pair), req (context, zmq::socket_type::req);
    zmq::socket_t rep (context, zmq::socket_type::rep);
    control.bind ("inproc://control");
    req.connect ("inproc://front");
    rep.connect ("inproc://back");
    req.send (zmq::str_buffer ("through"), zmq::send_flags::none);
    zmq::message_t message;
    NEED (rep.recv (message).has_value ());
    rep.send (std::move (message), zmq::send_flags::none);
    NEED (req.recv (message).has_value () && message.to_string () == "through");
    control.send (zmq::str_buffer ("TERMINATE"), zmq::send_flags::none);
    thread.join ();
}

static void curve (zmq::context_t &context)
{
    char server_public[41], server_secret[41], client_public[41], client_secret[41];
    NEED (zmq_curve_keypair (server_public, server_secret) == 0 && zmq_curve_keypair (client_public, client_secret) == 0);
    zmq::socket_t server (context, zmq::socket_type::pull), client (context, zmq::socket_type::push);
    server.set (zmq::sockopt::curve_server, true);
    server.set (zmq::sockopt::curve_secretkey, server_secret);
    client.set (zmq::sockopt::curve_serverkey, server_public);
    client.set (zmq::sockopt::curve_publickey, client_public);
    client.set (zmq::sockopt::curve_secretkey, client_secret);
    server.bind ("tcp://127.0.0.1:*");
    client.connect (server.get (zmq::sockopt::last_endpoint));
    client.send (zmq::str_buffer ("secret"), zmq::send_flags::none);
    zmq::message_t got;
    NEED (server.recv (got).has_value () && got.to_string () == "secret");
    NEED (std::string (got.gets ("Socket-Type")) == "PUSH");
}

int main ()
{
    const std::pair<const char *, std::function<void (zmq::context_t &)>> tests[] = {
        {"messages", messages}, {"request and reply", request_reply}, {"multipart", multipart},
        {"publish and subscribe", publish}, {"poll", poll}, {"monitor", monitor}, {"errors", errors},
        {"steerable proxy", proxy}, {"curve", curve},
    };
    for (const auto &[name, test] : tests) {
        zmq::context_t context;
        try {
            test (context);
            std::cout << "ok - " << name << std::endl;
        } catch (const std::exception &error) {
            std::cout << "not ok - " << name << "\n  " << error.what () << std::endl;
        }
    }
}

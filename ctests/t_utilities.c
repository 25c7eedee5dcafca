/* Z85, atomic counters, timers, stop watches, threads: what zmq.h has besides sockets. Called by ctests/run. */
#include "common.h"

static void z85 (void)
{
    static const uint8_t bytes[] = {0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b};
    char text[16] = "";
    uint8_t back[16] = {0};
    line ("-- Z85");
    line ("encoded %s", zmq_z85_encode (text, bytes, 8) ? text : errno_name (zmq_errno ()));
    line ("decoded %d", zmq_z85_decode (back, text) == back && memcmp (back, bytes, 8) == 0);
    SHOW_POINTER (zmq_z85_encode (text, bytes, 7));
    line ("encoded nothing '%s'", zmq_z85_encode (text, bytes, 0));
    SHOW_POINTER (zmq_z85_decode (back, "HelloWorl"));
    SHOW_POINTER (zmq_z85_decode (back, "Hello\"orld"));
    SHOW_POINTER (zmq_z85_decode (back, "Hello World"));
    SHOW_POINTER (zmq_z85_decode (back, "#####"));
    SHOW_POINTER (zmq_z85_decode (back, ""));
}

static void *count (void *counter)
{
    for (int i = 0; i < 10000; i++)
        zmq_atomic_counter_inc (counter);
    return NULL;
}

static void atomics (void)
{
    line ("-- atomic counters");
    void *counter = zmq_atomic_counter_new ();
    SHOW (zmq_atomic_counter_value (counter));
    SHOW (zmq_atomic_counter_inc (counter));
    SHOW (zmq_atomic_counter_inc (counter));
    SHOW (zmq_atomic_counter_value (counter));
    SHOW (zmq_atomic_counter_dec (counter));
    SHOW (zmq_atomic_counter_dec (counter));
    zmq_atomic_counter_set (counter, 7);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        NEED (pthread_create (&threads[i], NULL, count, counter) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join (threads[i], NULL);
    SHOW (zmq_atomic_counter_value (counter));
    zmq_atomic_counter_destroy (&counter);
    SHOW_POINTER (counter);
}

static void on_timer (int id, void *argument)
{
    (void) id;
    ++*(int *) argument;
}

static void timers (void)
{
    int fired = 0, other = 0;
    line ("-- timers");
    SHOW (zmq_timers_timeout (NULL));
    SHOW (zmq_timers_execute (NULL));
    SHOW (zmq_timers_cancel (NULL, 1));
    void *timers = zmq_timers_new ();
    line ("timeout %ld", zmq_timers_timeout (timers));
    SHOW (zmq_timers_add (timers, 50, NULL, NULL));
    int id = zmq_timers_add (timers, 60, on_timer, &fired), second = zmq_timers_add (timers, 100000, on_timer, &other);
    line ("ids differ %d", id != second);
    SHOW (zmq_timers_execute (timers));
    line ("timeout in range %d, fired %d", zmq_timers_timeout (timers) > 0 && zmq_timers_timeout (timers) <= 60, fired);
    rest (80);
    line ("timeout %ld", zmq_timers_timeout (timers));
    SHOW (zmq_timers_execute (timers));
    line ("fired %d", fired);
    rest (80);
    SHOW (zmq_timers_execute (timers));
    line ("fired %d", fired);
    SHOW (zmq_timers_set_interval (timers, id, 100000));
    line ("timeout is long %d", zmq_timers_timeout (timers) > 50000);
    SHOW (zmq_timers_reset (timers, id));
    SHOW (zmq_timers_cancel (timers, id));
    SHOW (zmq_timers_cancel (timers, id));
    SHOW (zmq_timers_set_interval (timers, 9999, 5));
    SHOW (zmq_timers_cancel (timers, second));
    line ("timeout %ld", zmq_timers_timeout (timers));
    SHOW (zmq_timers_destroy (&timers));
    SHOW_POINTER (timers);
    line ("fired %d %d", fired, other);
}

static void in_thread (void *argument)
{
    zmq_atomic_counter_inc (argument);
}

static void clocks_and_threads (void)
{
    line ("-- stop watch and threads");
    void *watch = zmq_stopwatch_start ();
    zmq_sleep (0);
    rest (30);
    unsigned long between = zmq_stopwatch_intermediate (watch);
    rest (10);
    unsigned long end = zmq_stopwatch_stop (watch);
    line ("in microseconds %d, growing %d", between >= 29000 && between < 2000000, end > between);
    void *counter = zmq_atomic_counter_new ();
    void *thread = zmq_threadstart (in_thread, counter);
    NEED (thread != NULL);
    zmq_threadclose (thread);
    SHOW (zmq_atomic_counter_value (counter));
    zmq_atomic_counter_destroy (&counter);
}

int main (void)
{
    z85 ();
    atomics ();
    timers ();
    clocks_and_threads ();
    return 0;
}

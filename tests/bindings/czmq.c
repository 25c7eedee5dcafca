/* Runs the self-tests that libczmq exports, one process each so that a failed assertion ends only that one. Compiled and
 * started by tests/bindings/native.py; prints Test Anything Protocol. */
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TESTS(T)                                                                                                   \
    T (zactor) T (zarmour) T (zauth) T (zcert) T (zcertstore) T (zchunk) T (zclock) T (zconfig) T (zdigest) T (zdir)  \
    T (zdir_patch) T (zfile) T (zframe) T (zgossip) T (zhash) T (zhashx) T (ziflist) T (zlist) T (zlistx) T (zloop)   \
    T (zmonitor) T (zmsg) T (zpoller) T (zproxy) T (zrex) T (zsock) T (zsock_option) T (zstr) T (zsys) T (zuuid)      \
    T (zbeacon)

/* Some are not declared in the headers; all of them are in the library. */
#define DECLARE(name) extern void name##_test (bool verbose);
TESTS (DECLARE)

static void one (const char *name, void (*test) (bool))
{
    int status = 0;
    fflush (NULL);
    const pid_t child = fork ();
    if (child == 0) {
        alarm (60);
        test (false);
        fflush (NULL);
        _exit (0);
    }
    if (child == -1 || waitpid (child, &status, 0) != child)
        status = 1;
    printf ("%s - %s_test\n", status == 0 ? "ok" : "not ok", name);
}

int main (void)
{
#define RUN(name) one (#name, name##_test);
    TESTS (RUN)
    return 0;
}

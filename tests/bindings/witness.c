/* Says which libzmq a process has loaded, and to which file its calls of zmq_* go: an auditor of the dynamic linker (rtld-audit(7)).
 * Built by tests/bindings/witness.py and named in LD_AUDIT; appends lines to the file that ZMQ_WITNESS names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OBJECTS 4096

static char *names[OBJECTS];
static unsigned count;

static void say (const char *what, const char *file)
{
    const char *log = getenv ("ZMQ_WITNESS");
    char line[600];
    int fd, size = snprintf (line, sizeof line, "%d %s %s\n", getpid (), what, file);
    if (!log || size < 0 || size >= (int) sizeof line)
        return;
    fd = open (log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd != -1) {
        if (write (fd, line, (size_t) size) == -1)
            _exit (70);
        close (fd);
    }
}

unsigned la_version (unsigned version)
{
    return version < LAV_CURRENT ? version : LAV_CURRENT;
}

unsigned la_objopen (struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
    const char *file = strrchr (map->l_name, '/');
    (void) space;
    if (count == OBJECTS)
        return 0;
    names[count] = strdup (map->l_name);
    *cookie = count++;
    if (file && strncmp (file, "/libzmq", 7) == 0 && strstr (file, ".so"))
        say ("opened", map->l_name);
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}

uintptr_t la_symbind64 (Elf64_Sym *symbol, unsigned index, uintptr_t *from, uintptr_t *to, unsigned *flags, const char *name)
{
    (void) index;
    (void) from;
    (void) flags;
    if (strncmp (name, "zmq_", 4) == 0 && *to < count && names[*to])
        say ("bound", names[*to]);
    return symbol->st_value;
}

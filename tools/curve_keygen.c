/*
 * curve_keygen(1): makes a key pair for CURVE and prints it in Z85, under the same headings as libzmq's tool of this
 * name, which scripts look for. Compiled and installed by scripts/install.
 */
#include <stdio.h>
#include <zmq.h>

int main (void)
{
    char public_key[41], secret_key[41];
    if (zmq_curve_keypair (public_key, secret_key) != 0) {
        fprintf (stderr, "curve_keygen: %s\n", zmq_strerror (zmq_errno ()));
        return 1;
    }
    puts ("A key pair for CURVE, each key as 40 characters of Z85 (ZeroMQ RFC 32) for");
    puts ("configuration files and source code. Keep the secret key on the side that");
    puts ("owns the pair; give the public key to those who shall talk to it, over a");
    puts ("channel on which nobody can exchange it.");
    printf ("\n== CURVE PUBLIC KEY ==\n%s\n", public_key);
    printf ("\n== CURVE SECRET KEY ==\n%s\n", secret_key);
    /* Keys that were not written are not keys. */
    return fflush (stdout) == 0 && !ferror (stdout) ? 0 : 1;
}

/* tls-memory.h - GnuTLS gives no memory back with what it has decrypted still in it.
 *
 * Answers of a token endpoint hold tokens, and GnuTLS frees its records as they are.
 *
 * Threads:  any, before the first connection.
 * Bugs:     OpenSSL, where libcurl is linked with that, is out of reach: it takes other memory
 *           functions only before it has allocated anything.
 */
#ifndef EXG_IO_TLS_MEMORY_H
#define EXG_IO_TLS_MEMORY_H

void exg_tls_wipe_memory(void);

#endif

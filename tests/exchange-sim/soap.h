/* soap.h - the SOAP envelope of an answer.
 *
 * Source:   SOAP 1.1; the faults of Exchange 2016.
 */
#ifndef EXG_SIM_SOAP_H
#define EXG_SIM_SOAP_H

#include "common/xml/writer.h"
#include "tests/exchange-sim/product.h"
#include "tests/exchange-sim/refusal.h"

/* Opens the envelope with its header, and the body. */
void exg_sim_soap_start(ExgXmlWriter *writer, const ExgSimProduct *product);
/* Closes all and hands the text over. */
char *exg_sim_soap_end(ExgXmlWriter *writer, gsize *ret_length);
/* A whole envelope with a fault. */
char *exg_sim_soap_fault(const ExgSimRefusal *refusal, gsize *ret_length);
/* The values of a refusal as t:MessageXml's content; nothing if there are none. */
void exg_sim_soap_write_values(ExgXmlWriter *writer, const char *element,
                               const ExgSimRefusal *refusal);

#endif

/* autodiscover.h - the three autodiscover protocols of the simulated Exchange.
 *
 *     POST /autodiscover/autodiscover.svc            SOAP, GetUserSettings
 *     POST /autodiscover/autodiscover.xml            POX, schemas of Outlook and of phones
 *     GET  /autodiscover/autodiscover.json/v1.0/ADDRESS?Protocol=EWS   JSON, without credentials
 *
 * The endpoint that is told is on the host that was asked. In the scenario and in the log the
 * operation is Autodiscover, whichever protocol it was.
 *
 * Threads:  the engine's.
 * Source:   MS-OXWSADISC, MS-OXDSCLI.
 */
#ifndef EXG_SIM_AUTODISCOVER_H
#define EXG_SIM_AUTODISCOVER_H

#include "tests/exchange-sim/answer.h"
#include "tests/exchange-sim/directory.h"
#include "tests/exchange-sim/fault.h"
#include "tests/exchange-sim/http.h"

#define EXG_SIM_AUTODISCOVER "Autodiscover"

bool exg_sim_autodiscover_is_path(const char *target);
/* SOAP and POX do. */
bool exg_sim_autodiscover_wants_account(const char *target);

/* Answers a complete request. What a correct client would not have sent is told (static), or NULL. */
const char *exg_sim_autodiscover_answer(const ExgSimDirectory *directory,
                                        const ExgSimHttpRequest *request, ExgSimAnswer *answer);
/* The same as the scenario wants it: EXG_SIM_CODE, EXG_SIM_CAPACITY and EXG_SIM_REDIRECT. False: it
 * is another fault, or no discovery. */
bool exg_sim_autodiscover_answer_fault(const ExgSimFault *fault, const ExgSimHttpRequest *request,
                                       ExgSimAnswer *answer);

#endif

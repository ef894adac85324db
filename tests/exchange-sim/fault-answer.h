/* fault-answer.h - what is answered instead of what would be right.
 *
 * Threads:  the engine's.
 */
#ifndef EXG_SIM_FAULT_ANSWER_H
#define EXG_SIM_FAULT_ANSWER_H

#include "tests/exchange-sim/answer.h"
#include "tests/exchange-sim/call.h"
#include "tests/exchange-sim/fault.h"
#include "tests/exchange-sim/sign-in.h"

/* Whether the request is carried out in spite of the fault, which then only spoils the answer. `fault`: NULL: none. */
bool exg_sim_fault_lets_pass(const ExgSimFault *fault);
/* Sets or spoils the answer as the fault wants; nothing for a fault that only changes how it is written. `call`: NULL
 * for a request that is not EWS. */
void exg_sim_fault_answer(const ExgSimFault *fault, ExgSimCall *call, ExgSimSignIn *sign_in,
                          ExgSimAnswer *answer);

#endif

#include "tests/exchange-sim/fault-answer.h"

#include "tests/exchange-sim/http.h"

bool
exg_sim_fault_lets_pass(const ExgSimFault *fault)
{
    return fault == NULL || fault->stored || fault->action == EXG_SIM_TRUNCATE ||
           fault->action == EXG_SIM_NO_ITEM_ID || fault->action == EXG_SIM_ILLEGAL_CHAR ||
           fault->action == EXG_SIM_LIE || fault->action == EXG_SIM_STREAM_STALL ||
           fault->action == EXG_SIM_STREAM_DROP;
}

static void
set_status(ExgSimAnswer *answer, const ExgSimFault *fault)
{
    exg_sim_answer_set_status(answer, (guint)fault->amount, fault->html);
    if (fault->retry_after == NULL)
        return;
    g_autofree char *date = exg_sim_http_date(g_get_real_time() / G_USEC_PER_SEC + 30);
    bool as_date = g_str_equal(fault->retry_after, "date");
    exg_sim_answer_add_header(answer, "Retry-After", as_date ? date : fault->retry_after);
}

/* What is not EWS has no codes: it is busy. */
static void
set_code(ExgSimAnswer *answer, ExgSimCall *call, const ExgSimFault *fault)
{
    guint status;
    gsize length;
    if (call == NULL) {
        exg_sim_answer_set_status(answer, 503, true);
        return;
    }
    char *text = exg_sim_call_execute_code(call, fault, &status, &length);
    exg_sim_answer_set_xml(answer, status, text, length);
}

void
exg_sim_fault_answer(const ExgSimFault *fault, ExgSimCall *call, ExgSimSignIn *sign_in,
                     ExgSimAnswer *answer)
{
    if (fault->action == EXG_SIM_CODE || fault->action == EXG_SIM_CAPACITY)
        set_code(answer, call, fault);
    else if (fault->action == EXG_SIM_STATUS)
        set_status(answer, fault);
    else if (fault->action == EXG_SIM_UNAUTHORIZED)
        exg_sim_sign_in_forget(sign_in, answer);
    else if (fault->action == EXG_SIM_GARBAGE)
        exg_sim_answer_set_garbage(answer);
    else if (fault->action == EXG_SIM_ILLEGAL_CHAR)
        exg_sim_answer_spoil(answer);
}

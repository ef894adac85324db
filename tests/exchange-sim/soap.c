#include "tests/exchange-sim/soap.h"

#include "tests/exchange-sim/schema.h"

static void
start_envelope(ExgXmlWriter *writer)
{
    exg_xml_writer_init(writer);
    exg_xml_start(writer, "s:Envelope");
    exg_xml_attribute(writer, "xmlns:s", EXG_SIM_NS_SOAP);
    exg_xml_attribute(writer, "xmlns:t", EXG_SIM_NS_TYPES);
    exg_xml_attribute(writer, "xmlns:m", EXG_SIM_NS_MESSAGES);
}

void
exg_sim_soap_start(ExgXmlWriter *writer, const ExgSimProduct *product)
{
    start_envelope(writer);
    exg_xml_start(writer, "s:Header");
    exg_sim_product_write(product, writer);
    exg_xml_end(writer);
    exg_xml_start(writer, "s:Body");
}

char *
exg_sim_soap_end(ExgXmlWriter *writer, gsize *ret_length)
{
    return exg_xml_writer_steal(writer, ret_length);
}

static void
write_value(ExgXmlWriter *writer, const char *name, const char *value)
{
    exg_xml_start(writer, "t:Value");
    exg_xml_attribute(writer, "Name", name);
    exg_xml_text(writer, value);
    exg_xml_end(writer);
}

void
exg_sim_soap_write_values(ExgXmlWriter *writer, const char *element, const ExgSimRefusal *refusal)
{
    if (!refusal->schema && refusal->value_name == NULL && refusal->inner == NULL)
        return;
    exg_xml_start(writer, element);
    if (refusal->schema) {
        exg_xml_element(writer, "t:LineNumber", "0");
        exg_xml_element(writer, "t:LinePosition", "0");
        exg_xml_element(writer, "t:Violation", refusal->text);
    }
    if (refusal->value_name != NULL)
        write_value(writer, refusal->value_name, refusal->value);
    if (refusal->inner != NULL) {
        write_value(writer, "InnerErrorMessageText", exg_sim_code_text(refusal->inner));
        write_value(writer, "InnerErrorResponseCode", refusal->inner);
        write_value(writer, "InnerErrorDescriptiveLinkKey", "0");
    }
    exg_xml_end(writer);
}

char *
exg_sim_soap_fault(const ExgSimRefusal *refusal, gsize *ret_length)
{
    ExgXmlWriter writer;
    g_autofree char *code = g_strdup_printf("a:%s", refusal->code);
    g_autofree char *text = refusal->schema
                                ? g_strdup_printf("The request failed schema validation: %s",
                                                  refusal->text)
                                : g_strdup(refusal->text);
    start_envelope(&writer);
    exg_xml_start(&writer, "s:Body");
    exg_xml_start(&writer, "s:Fault");
    exg_xml_start(&writer, "faultcode");
    exg_xml_attribute(&writer, "xmlns:a", EXG_SIM_NS_TYPES);
    exg_xml_text(&writer, code);
    exg_xml_end(&writer);
    exg_xml_start(&writer, "faultstring");
    exg_xml_attribute(&writer, "xml:lang", "en-US");
    exg_xml_text(&writer, text);
    exg_xml_end(&writer);
    exg_xml_start(&writer, "detail");
    exg_xml_start(&writer, "e:ResponseCode");
    exg_xml_attribute(&writer, "xmlns:e", EXG_SIM_NS_ERRORS);
    exg_xml_text(&writer, refusal->code);
    exg_xml_end(&writer);
    exg_xml_start(&writer, "e:Message");
    exg_xml_attribute(&writer, "xmlns:e", EXG_SIM_NS_ERRORS);
    exg_xml_text(&writer, text);
    exg_xml_end(&writer);
    exg_sim_soap_write_values(&writer, "t:MessageXml", refusal);
    return exg_xml_writer_steal(&writer, ret_length);
}

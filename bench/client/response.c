/* The head of a response: RFC 9112. Only what the count depends on is read. */
#define _GNU_SOURCE
#include "client.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The value of a field line with this name, or NULL. The line ends with \r. */
static const char *field_value(const char *line, const char *name) {
  size_t length = strlen(name);
  if (strncasecmp(line, name, length) != 0 || line[length] != ':') return NULL;
  return line + length + 1 + strspn(line + length + 1, " \t");
}

/* A whole number up to the end of the line, or -1. */
static int64_t whole_number(const char *value) {
  char *end;
  if (*value < '0' || *value > '9') return -1;
  long long number = strtoll(value, &end, 10);
  return *end == '\r' ? number : -1;
}

bool response_parse(const char *head, size_t bytes, struct response *response) {
  static const char version[] = "HTTP/1.1 ";
  *response = (struct response){.length = -1};
  if (bytes < sizeof version + 3 || memcmp(head, version, strlen(version)) != 0) return false;
  response->status = strtoul(head + strlen(version), NULL, 10);
  if (response->status == 304) response->length = 0;
  const char *end = head + bytes - 2;
  for (const char *line = head; (line = memmem(line, end - line, "\r\n", 2)) != NULL;) {
    line += 2;
    const char *value;
    if ((value = field_value(line, "content-length")) != NULL) {
      if (response->status != 304) response->length = whole_number(value);
    } else if ((value = field_value(line, "connection")) != NULL) {
      response->closes = strncasecmp(value, "close", 5) == 0;
    } else if (field_value(line, "transfer-encoding") != NULL) {
      return false;
    }
  }
  return true;
}

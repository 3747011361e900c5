/** Lists in header fields (RFC 9110, section 5.6.1). */

/** The items between commas, without the space around them; empty ones do not count. For items without quotes. */
export function listItems(text: string): string[] {
  // Not split by a pattern that takes the space along: that is quadratic in a long run of spaces.
  return text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

/** Dates of HTTP (RFC 9110, section 5.6.7), in whole seconds since 1970. */

/** 0001-01-01 and 9999-12-31: what four digits of a year can say. */
const earliestSeconds = -62_135_596_800
const latestSeconds = 253_402_300_799

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const day = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)'
const longDay = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day'
const month = `(?<month>${months.join('|')})`
const time = '(?<hours>\\d\\d):(?<minutes>\\d\\d):(?<seconds>\\d\\d)'
const forms = [
  new RegExp(`^${day}, (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^${longDay}, (?<day>\\d\\d)-${month}-(?<year>\\d\\d) ${time} GMT$`),
  new RegExp(`^${day} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
]

/** What was written last, by the last bits of its seconds: the files of a site were changed in few different ones. */
const slots = 256
const writtenSeconds = new Float64Array(slots).fill(Number.NaN)
const written = new Array<string>(slots).fill('')

/** The preferred form; null where the year does not have four digits. */
export function formatHttpDate(seconds: number): string | null {
  const slot = seconds & (slots - 1)
  if (writtenSeconds[slot] === seconds) return written[slot]!
  if (!(seconds >= earliestSeconds && seconds <= latestSeconds)) return null
  const text = new Date(seconds * 1000).toUTCString()
  writtenSeconds[slot] = seconds
  written[slot] = text
  return text
}

/** Any of the three forms that recipients must know; null for everything else, which is no date and to be ignored. */
export function parseHttpDate(text: string): number | null {
  for (const form of forms) {
    const groups = form.exec(text)?.groups
    if (groups !== undefined) return toSeconds(groups)
  }
  return null
}

function toSeconds(groups: Record<string, string | undefined>): number | null {
  const [days, hours, minutes, seconds] = [groups.day, groups.hours, groups.minutes, groups.seconds].map(
    Number,
  )
  const monthIndex = months.indexOf(groups.month!)
  const year = groups.year!.length === 2 ? fullYear(Number(groups.year)) : Number(groups.year)
  // 60 is a leap second.
  if (hours! > 23 || minutes! > 59 || seconds! > 60) return null
  const date = new Date(0)
  date.setUTCFullYear(year, monthIndex, days)
  // The thirtieth of February would be taken for a day in March.
  if (date.getUTCMonth() !== monthIndex || date.getUTCDate() !== days) return null
  return date.getTime() / 1000 + hours! * 3600 + minutes! * 60 + seconds!
}

/** Two digits that would lie more than 50 years ahead mean the century before. */
function fullYear(digits: number): number {
  const now = new Date().getUTCFullYear()
  const year = now - (now % 100) + digits
  return year > now + 50 ? year - 100 : year
}

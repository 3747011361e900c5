/**
 * The errors that the manual pages of the transferring calls name in their ERRORS sections, each as often as it has an
 * entry there. Linux man-pages 6.03. writev(2) says of itself that it has those of write(2).
 */
export const errorPages = {
  'sendfile(2)': ['EAGAIN', 'EBADF', 'EFAULT', 'EINVAL', 'EINVAL', 'EIO', 'ENOMEM', 'EOVERFLOW', 'ESPIPE'],
  'splice(2)': ['EAGAIN', 'EBADF', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'EINVAL', 'ENOMEM', 'ESPIPE'],
  'tee(2)': ['EAGAIN', 'EINVAL', 'ENOMEM'],
  'vmsplice(2)': ['EAGAIN', 'EBADF', 'EINVAL', 'ENOMEM'],
  'writev(2)': ['EINVAL', 'EINVAL', 'EOPNOTSUPP'],
  'write(2)': [
    'EAGAIN',
    'EAGAIN',
    'EBADF',
    'EDESTADDRREQ',
    'EDQUOT',
    'EFAULT',
    'EFBIG',
    'EINTR',
    'EINVAL',
    'EIO',
    'ENOSPC',
    'EPERM',
    'EPIPE',
  ],
} as const

export type ErrorPage = keyof typeof errorPages
export type Errno = (typeof errorPages)[ErrorPage][number]

/** The same of a page's source, such as `sendfile.2`; entries with two names for one number count once. */
export function entriesOf(source: string): string[] {
  const section = source.split(/^\.SH /m).find(part => part.startsWith('ERRORS\n'))
  return Array.from((section ?? '').matchAll(/^\.TP.*\n\.BR? (E[A-Z]+)/gm), ([, name]) => name!)
}

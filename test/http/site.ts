/** The files that most tests of serving a folder have. */
export const site = {
  'index.html': '<h1>top',
  'a.txt': 'a',
  'a b&c.txt': 'abc',
  'é.txt': 'e',
  'empty.bin': '',
  'dir/index.html': '<h1>dir',
  'dir/x.txt': 'x',
  'plain/x.txt': 'x',
  'index-is-folder/index.html/x': 'x',
  'example.com/index.html': 'not there',
  '.hidden': 'hidden',
  '.git/config': 'hidden',
  'dir/.env': 'hidden',
  '.well-known/security.txt': 'known',
  '.well-known/.secret': 'hidden',
}

/** Takes an ordinary ArrayBuffer's memory away, so that every view of it has length 0. */
export function detach(buffer: ArrayBuffer): void {
  // Moving the memory into a copy that nobody keeps is the only way that Node 20 has.
  structuredClone(buffer, { transfer: [buffer] })
}

// Water through a row of gates, as potential flow. With z = x + iy in units where the gates are π apart,
// w = asinh(sinh z / GATE) maps the plane with its wall along x = 0 onto straight streamlines: Im w is
// constant on a streamline, Re w is 0 in the gates, and the gates are where |sin y| < GATE.

const GATE = Math.sin(0.52)

/** Jets hold together for longer than potential flow lets them, so what lies behind the wall is drawn out. */
const JET_STRETCH = 3.2

/** The least speed that counts for ages: water in stagnant corners would take for ever to pass. */
const SLOWEST = Math.SQRT1_2

// The table of ages: |Re w| up to PHI_MAX (far outside the view) and |Im w| up to π/2.
const PHI_MAX = 14
const PHI_STEPS = 560
const PSI_STEPS = 128
const ROW = 2 * PHI_STEPS + 1

/**
 * A function that tells the flow at (x, y) by filling `place`: its `line`, the number of the streamline
 * (π a gate, continuous from gate to gate); its `age`, how long ago the water was in the gate (negative
 * upstream, in units of length at the speed far away); its `speed` (1 far away).
 */
export function openFlow() {
  const ages = ageTable()
  return (x, y, place) => {
    const depth = x > 0 ? x / JET_STRETCH : x
    const bent = y + meander(x, y)
    const gate = Math.round(bent / Math.PI)
    const across = bent - gate * Math.PI
    const re = (Math.sinh(depth) * Math.cos(across)) / GATE
    const im = (Math.cosh(depth) * Math.sin(across)) / GATE
    // asinh by elliptic coordinates: half the sum and half the difference of the distances to ±i.
    const toUpper = Math.hypot(re, im - 1)
    const toLower = Math.hypot(re, im + 1)
    const psi = Math.asin(clamp((toLower - toUpper) / 2, -1, 1))
    const phi = Math.sign(depth) * Math.acosh(Math.max(1, (toLower + toUpper) / 2))
    place.line = psi + gate * Math.PI
    place.age = ageAt(ages, phi, Math.abs(psi))
    place.speed = 1 / Math.sqrt(slowness(phi, psi))
  }
}

/** How far (x, y) is from the nearest pier, negative inside; piers reach `halfWidth` either side of x = 0. */
export function pierDistance(x, y, halfWidth) {
  const halfLength = Math.PI / 2 - Math.asin(GATE) - halfWidth
  const fromMiddle = Math.abs(y - (Math.floor(y / Math.PI) + 0.5) * Math.PI)
  return Math.hypot(x, Math.max(0, fromMiddle - halfLength)) - halfWidth
}

/** What keeps the jets from being straight: a slow bend that grows behind the wall. */
function meander(x, y) {
  if (x <= 0) return 0
  const growth = 1 - Math.exp(-0.3 * x)
  return growth * (0.5 * Math.sin(0.55 * x + 0.4 * y + 1) + 0.22 * Math.sin(1.3 * x - 0.9 * y))
}

/** |dz/dw|², the inverse square of the speed, at w = phi + i psi. */
function slowness(phi, psi) {
  const re = Math.sinh(phi) * Math.cos(psi)
  const im = Math.cosh(phi) * Math.sin(psi)
  const narrow = GATE * GATE
  const above = narrow * (Math.sinh(phi) ** 2 + Math.cos(psi) ** 2) // |GATE cosh w|²
  const below = Math.hypot(1 + narrow * (re * re - im * im), 2 * narrow * re * im) // |1 + (GATE sinh w)²|
  return above / Math.max(below, 1e-9)
}

/** Travel times along the streamlines: dt = |dz/dw|² dφ, summed outwards from the gate. */
function ageTable() {
  const ages = new Float32Array((PSI_STEPS + 1) * ROW)
  const step = PHI_MAX / PHI_STEPS
  for (let row = 0; row <= PSI_STEPS; row++) {
    const psi = (row / PSI_STEPS) * (Math.PI / 2)
    const gate = row * ROW + PHI_STEPS
    for (let away = 1; away <= PHI_STEPS; away++) {
      const taken = step * Math.min(slowness((away - 0.5) * step, psi), 1 / SLOWEST ** 2)
      ages[gate + away] = ages[gate + away - 1] + taken * JET_STRETCH
      ages[gate - away] = ages[gate - away + 1] - taken
    }
  }
  return ages
}

function ageAt(ages, phi, psi) {
  const column = clamp((phi / PHI_MAX + 1) * PHI_STEPS, 0, ROW - 1.001)
  const row = clamp((psi / (Math.PI / 2)) * PSI_STEPS, 0, PSI_STEPS - 0.001)
  const start = Math.floor(row) * ROW + Math.floor(column)
  const onward = column % 1
  const near = ages[start] + (ages[start + 1] - ages[start]) * onward
  const far = ages[start + ROW] + (ages[start + ROW + 1] - ages[start + ROW]) * onward
  return near + (far - near) * (row % 1)
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value))
}

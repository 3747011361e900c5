/** Kernel TLS: a connection that the kernel encrypts on one side and decrypts on the other. */
import { constants } from 'node:os'
import type { Probe } from '../probe.js'
import { attempt } from '../refusal.js'
import { Structure } from '../structure.js'

/** struct tls12_crypto_info_aes_gcm_128, in bytes: after these the key material. */
const cryptoInfo = { bytes: 40, version: 0, cipher: 2, keys: 4 }
const tls12 = 0x0303
const aesGcm128 = 51

export const ktls: Probe = {
  name: 'ktls',
  needs: { kernel: 'Linux 4.17 or later, with CONFIG_TLS' },
  examine: async bench => {
    const { native } = bench
    const { sender, receiver } = await bench.connectTcp()
    const attached = native.setsockoptBytes(sender, native.IPPROTO_TCP, native.TCP_ULP, Buffer.from('tls'))
    if (attached === -constants.errno.ENOENT) {
      return {
        status: 'missing',
        reason: 'the kernel has no TLS at hand (ENOENT): its module is not loaded, or not built',
        remedy: 'as root: modprobe tls; where there is no such module, a kernel with CONFIG_TLS',
      }
    }
    attempt('setsockopt(TCP_ULP)', attached)
    attempt(
      'setsockopt(TCP_ULP)',
      native.setsockoptBytes(receiver, native.IPPROTO_TCP, native.TCP_ULP, Buffer.from('tls')),
    )
    const keys = exampleKeys()
    attempt('setsockopt(TLS_TX)', native.setsockoptBytes(sender, native.SOL_TLS, native.TLS_TX, keys))
    attempt('setsockopt(TLS_RX)', native.setsockoptBytes(receiver, native.SOL_TLS, native.TLS_RX, keys))
    const plain = Buffer.from('through kernel TLS')
    attempt('send', native.send(sender, plain, native.MSG_DONTWAIT))
    if (!plain.equals(await bench.receive(receiver, plain.length))) throw new Error('TLS changed the bytes')
    return { status: 'ready', reason: 'the kernel encrypted and decrypted a record of AES-128-GCM' }
  },
}

/** Both ends use them, once, for nothing secret. */
function exampleKeys(): Uint8Array {
  const keys = new Structure(cryptoInfo.bytes)
  keys.set16(cryptoInfo.version, tls12)
  keys.set16(cryptoInfo.cipher, aesGcm128)
  return keys.bytes.fill(1, cryptoInfo.keys)
}

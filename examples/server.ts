import { createServer } from 'node:http'
import { file, socket, transfer } from 'sluice'
import { sendFile, serveStatic } from 'sluice/http'

// A directory, in node:http, Express or Connect: ranges, conditions, precompressed files, the whole of RFC 9110.
const files = serveStatic('public', { maxAge: 3600 })

createServer(async (req, res) => {
  if (req.url === '/report') return sendFile(req, res, 'reports/latest.pdf')
  if (req.url !== '/movie') return files(req, res)
  // Any file, any range of it, to any socket.
  const { bytes, path, copied, ms } = await transfer(file('movie.mp4'), socket(res), { deadlineMs: 600_000 })
  console.log(`${bytes} bytes by ${path}, ${copied} copied, ${ms.toFixed(0)} ms`)
}).listen(Number(process.env.PORT ?? 8080), '127.0.0.1')

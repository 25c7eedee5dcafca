// A beacon: PUB says once a second who it is and what time it has; SUB prints it.
const zmq = require('zeromq')
const { expect, finish, play, sleep, start, stop } = require('./story')

const ENDPOINT = 'tcp://127.0.0.1:5731'

async function beacon() {
  const socket = new zmq.Publisher()
  await socket.bind(ENDPOINT)
  for (;;) {
    await socket.send(JSON.stringify({ pid: process.pid, timestamp: Date.now() }))
    await sleep(1000)
  }
}

async function listener() {
  const socket = new zmq.Subscriber()
  socket.connect(ENDPOINT)
  socket.subscribe()
  let before
  for (let count = 0; count < 3; count++) {
    const [message] = await socket.receive()
    const { pid, timestamp } = JSON.parse(message.toString())
    console.log(`process ${pid}: ${new Date(timestamp).toISOString()}`)
    if (before) expect(pid === before.pid && timestamp - before.timestamp >= 990, 'one process, a second later')
    before = { pid, timestamp }
  }
  socket.close()
}

async function main() {
  const source = start('beacon')
  await finish(start('listener'))
  stop(source)
}

play({ main, beacon, listener })

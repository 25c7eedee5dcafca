// A work queue by PUSH and PULL, and its trap: who joins first gets everything that was waiting.
//
// PUSH deals out work in turn among those who are connected. With all workers there each has its share. When work waits
// before anybody is there, the first one to join takes as much of it as its queue has room for, and the others have
// nothing. A high water mark of 1 on both sides, and small buffers in the kernel, leave the work where it can still be
// shared out.
const zmq = require('zeromq')
const { expect, finish, play, sleep, start } = require('./story')

const TASKS = 300
const WORKERS = 3
const BODY = Buffer.alloc(20000)

// Works until it is told to stop, and says what it has done.
async function worker(endpoint, mark, work) {
  const socket = new zmq.Pull({ receiveHighWaterMark: Number(mark), receiveBufferSize: 20000 })
  process.on('message', () => {
    socket.close()
    process.disconnect()
  })
  socket.connect(endpoint)
  for await (const [task] of socket) {
    await sleep(Number(work))
    process.send(Number(task.toString()))
  }
}

// Deals out the tasks; how many each worker has done, the one that came first in front.
async function round({ mark, early, work }) {
  const socket = new zmq.Push({ sendHighWaterMark: mark, sendBufferSize: 20000, linger: 0 })
  await socket.bind('tcp://127.0.0.1:*') // a port that the round before does not have any more
  const send = async () => {
    for (let task = 0; task < TASKS; task++) await socket.send([String(task), BODY])
  }
  const workers = []
  const done = []
  let allDone
  const completion = new Promise((resolve) => (allDone = resolve))
  const join = () =>
    new Promise((resolve) => {
      socket.events.on('handshake', resolve)
      const child = start('worker', socket.lastEndpoint, mark, work)
      const index = workers.push({ child, ended: finish(child), count: 0 }) - 1
      child.on('message', (task) => {
        workers[index].count++
        if (done.push(task) === TASKS) allDone()
      })
    })

  let sending
  if (early) sending = send() // has to wait for the first worker
  await join()
  if (early) await Promise.race([sending, sleep(1000)]) // time for it to take what it can
  while (workers.length < WORKERS) await join()
  if (!early) sending = send()
  await sending
  await completion
  for (const { child, ended } of workers) {
    child.send('stop')
    await ended
  }
  socket.close()
  expect(done.sort((a, b) => a - b).every((task, index) => task === index), 'each task was done once')
  return workers.map(({ count }) => count)
}

async function main() {
  const fair = await round({ mark: 1000, early: false, work: 0 })
  console.log(`all there before the work: ${fair.join(', ')}`)
  expect(Math.max(...fair) - Math.min(...fair) <= 2, 'equal shares')

  const trap = await round({ mark: 1000, early: true, work: 1 })
  console.log(`the work waits, they join one by one: ${trap.join(', ')}`)
  expect(trap[0] === TASKS, 'the first one took it all')

  const shared = await round({ mark: 1, early: true, work: 12 })
  console.log(`the same with a high water mark of 1: ${shared.join(', ')}`)
  expect(shared.every((count) => count > 0) && shared[0] < TASKS, 'some for everybody')
}

play({ main, worker })

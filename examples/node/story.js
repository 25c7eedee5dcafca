// What the Node examples share: processes, and words when something is wrong. They use the package `zeromq` as it comes
// from npm: examples/run installs it once, and puts this library before the one inside it.
const { fork } = require('node:child_process')

function expect(condition, text) {
  if (!condition) throw new Error(`not so: ${text}`)
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

// Calls the function of that name in `roles`: in the main process "main", in the others what start() was asked for.
function play(roles) {
  const [role, ...words] = process.argv[2] ? process.argv.slice(2) : ['main']
  roles[role](...words).catch((error) => {
    console.error(error)
    process.exit(1)
  })
}

const started = new Set()
process.on('exit', () => started.forEach((child) => child.kill('SIGKILL')))

// Starts a role in a process of its own.
function start(role, ...words) {
  const child = fork(process.argv[1], [role, ...words.map(String)])
  started.add(child)
  return child
}

function stop(child) {
  started.delete(child)
  child.kill('SIGKILL')
}

// Waits for a role that ends by itself; what it has sent by process.send().
function finish(child) {
  return new Promise((resolve, reject) => {
    const said = []
    child.on('message', (message) => said.push(message))
    child.on('exit', (code) => {
      started.delete(child)
      code === 0 ? resolve(said) : reject(new Error(`a process has ended with ${code}`))
    })
  })
}

module.exports = { expect, finish, play, sleep, start, stop }

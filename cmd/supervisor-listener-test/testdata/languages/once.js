// A short read: what comes with the header is taken for the whole payload.
let text = '';
process.stdout.write('READY\n');
process.stdin.on('data', (chunk) => {
  text += chunk.toString('latin1');
  if (!text.includes('\n')) return;
  text = '';
  process.stdout.write('RESULT 2\nOKREADY\n');
});

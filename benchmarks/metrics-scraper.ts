/** Who scrapes in `bench metrics`, in a process of its own, so that its time is not counted: answers how many bytes came. */
process.on('message', (url: string) => {
  void fetch(url)
    .then((response) => response.arrayBuffer())
    .then(({ byteLength }) => process.send!({ bytes: byteLength }))
})

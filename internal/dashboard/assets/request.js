// Requests to the dashboard's own server.

/** Returns the JSON of a response. An error has the server's reason; it is a TypeError if
    nobody answers. */
export async function request(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error((await response.text()).trim().slice(0, 300));
  return response.json();
}

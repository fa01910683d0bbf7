// A signed request names the object by its key in the bucket; only here, the keys stand below a folder of the page's origin.
function handler(event) {
  var request = event.request;
  if (!request.querystring['X-Amz-Signature']) {
    return { statusCode: 403, statusDescription: 'Forbidden', headers: { 'content-type': { value: 'text/plain' } },
      body: 'Only signed requests are answered here.' };
  }
  request.uri = request.uri.slice('/objects'.length);
  return request;
}

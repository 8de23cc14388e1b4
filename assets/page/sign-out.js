// Signs out, and shows what somebody sees who has not signed in.
async () => { await fetch('logout', {method: 'POST', redirect: 'manual'}); location.reload(); }

// Gives the browser a cookie that only serves to know it again after a reload.
cookie => () => {
  if (!document.cookie.includes(`${cookie}=`))
    document.cookie = `${cookie}=${crypto.randomUUID()}; path=/; max-age=2592000; SameSite=None; Secure; Partitioned`;
}

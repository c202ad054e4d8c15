// A position goes with a report only after its sender has touched the button.
(() => {
  const button = document.getElementById("place");
  if (!button || !navigator.geolocation) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        document.getElementById("id_latitude").value = coords.latitude.toFixed(6);
        document.getElementById("id_longitude").value = coords.longitude.toFixed(6);
        document.getElementById("place-done").hidden = false;
        button.hidden = true;
      },
      () => { document.getElementById("place-not").hidden = false; },
      { enableHighAccuracy: true, timeout: 10_000 },
    );
  });
})();

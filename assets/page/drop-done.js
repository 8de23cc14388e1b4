// What was dropped has been looked at, or refused: the zone is free again.
() => {
  for (const said of document.querySelectorAll('.lab-drop-said')) said.textContent = '';
  for (const bar of document.querySelectorAll('.lab-drop-bar span')) bar.style.width = 0;
}

! SPDX-License-Identifier: BSD-3-Clause
! A failure without ierror ends the job.
program no_ierror
  use pmx
  implicit none
  call pmx_quiet(PMX_CTX_DEFAULT)
  print '(a)', "still here"
end program

/* Wine 8, which is Debian's, has no bcryptprimitives.dll, and every Go program takes its random numbers from there. This is its one function, by way of the
   one that Windows had for it before (RtlGenRandom, which advapi32 exports under this name). */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
	return SystemFunction036(buffer, (ULONG)length);
}

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
	return TRUE;
}
